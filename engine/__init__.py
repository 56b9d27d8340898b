"""The mathematics of charlm and the training of it, without a screen.

Knows `corpora`; never imports Textual, Rich or plotext.
"""
