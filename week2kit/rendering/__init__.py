"""From a `Report` to a document: Markdown, a page, JSON, or a person's own template."""
