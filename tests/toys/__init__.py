"""A package of somebody else's: one small thing of every kind that has a name."""
