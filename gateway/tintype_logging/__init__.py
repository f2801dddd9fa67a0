"""How the processes of Tintype write their logs; shared by gateway and operator."""
