"""The enterprise portrait 企业画像: everything the city knows of an enterprise on one page, or what is public."""
