"""One module of prompt texts for each language, named by its BCP 47 tag."""
