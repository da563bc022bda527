"""Partners (合作商户 and institutions): who they are and the public keys they sign with."""
