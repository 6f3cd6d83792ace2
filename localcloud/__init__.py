"""An embedded AWS: ministack, plus the SageMaker that it lacks.

Knows AWS's contracts and nothing of the project that is deployed on it.
"""
