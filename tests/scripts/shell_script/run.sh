#!/bin/sh
set -e
grep -v "^0," data.csv > clean.csv
python train.py clean.csv
