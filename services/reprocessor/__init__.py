"""Reprocessor: commands to try again → retry topics. Claims each entry, paces, sends with the broker's word, remembers."""
