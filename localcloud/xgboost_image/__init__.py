"""AWS's image sagemaker-xgboost:3.2-0 as a process on this machine: its contract, its checks, its words."""
