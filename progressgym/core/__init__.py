"""The ground floor: names, errors, seeds, files. Depends on numpy only."""
