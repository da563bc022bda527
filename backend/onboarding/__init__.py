"""Becoming a partner (合作商户入驻): application, contract, schemes, first store, and what a partner has used."""
