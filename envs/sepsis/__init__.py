"""Sepsis as a known decision process: simulators whose dynamics are exact tables."""
