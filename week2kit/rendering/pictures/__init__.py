"""The pictures of a report: what each says, as SVG and as text."""
