"""The learned forecaster of `attention-v2`: trained over a distribution of questionnaires, to serve on others."""
