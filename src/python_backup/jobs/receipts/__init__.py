"""Receipts of drills: written as drills end, and checked later, offline."""
