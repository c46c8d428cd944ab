"""Histories: answers of a human proxy per century, measured from language models or made with known dynamics."""
