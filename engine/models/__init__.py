"""The language models, all behind the one promise of `language_model`."""
