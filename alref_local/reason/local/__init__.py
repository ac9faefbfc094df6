"""An open vision-language model in this process: what is loaded, what is asked together, which token comes next."""
