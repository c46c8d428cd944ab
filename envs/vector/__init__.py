"""Vector environments: thousands of episodes in one batch of array operations a step.

    gymnasium.make_vec("ProgressGym/FollowStance-v1", num_envs=1024, autoreset_mode="next_step")

numpy by default, torch on any device with `array_backend="torch"`. Gymnasium makes them by id; the classes are in
`tracking` and the module of each other challenge.
"""
