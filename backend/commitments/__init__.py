"""Credit commitments 信用承诺: signed, published where the law says, followed up, kept or broken."""
