"""`make billing`: what of this project bills now, in the account that the AWS variables point at."""
