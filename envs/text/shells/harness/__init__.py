"""lm-evaluation-harness: `lm_eval --include_path` this folder `--tasks progressgym_moral19,progressgym_people`."""
