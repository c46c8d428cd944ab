"""Shells: environments in text as the frameworks expect them, one file each; a framework is imported when it is asked for."""
