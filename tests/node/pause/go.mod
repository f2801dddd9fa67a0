module tintype.dev/tests/node/pause

go 1.26
