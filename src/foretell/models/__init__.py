"""Estimators: one model a module; frames in, frames keyed by ``customer_id`` out.

Import the module that is needed, for example ``from foretell.models.cnbd import MBGCNBD``.
"""
