"""One folder for each language other than Python; what it holds is said in docs/languages.md."""
