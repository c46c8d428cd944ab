"""The benchmark: agents x challenges x histories x seeds, run in cells that are written whole, scored and tabulated."""
