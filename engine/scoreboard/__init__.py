"""The scoreboard: models of every kind on the same text, split and budget, scored by the same function."""
