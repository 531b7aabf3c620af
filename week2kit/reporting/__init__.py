"""From runs to a `Report`: what changed, what happened, whether it is more than noise, what failed, what next."""
