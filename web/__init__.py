"""The web: routes, views over the catalogue, documents, pages. How data are read is not known here."""
