#!/usr/bin/node
// Where skupper-router's image has its start script: starts a router as QDROUTERD_CONF and its like say. There is no shell in the image.
process.argv.splice(2, 0, 'router');
import('/app/dist/cli/main.js');
