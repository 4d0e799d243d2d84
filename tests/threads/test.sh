#!/bin/bash
# usage: test.sh PROGRAM     runs it in a folder of its own
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$1" "$folder"
