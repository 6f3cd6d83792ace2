"""SageMaker Studio: domains, user profiles, spaces and apps (aws-facts, section 5)."""
