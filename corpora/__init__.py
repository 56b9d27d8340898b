"""Text: where it comes from and what it is made of. Knows neither the engine nor the screen.

`corpora.catalog` lists every corpus with a name, `corpora.corpus` opens a person's own.
"""
