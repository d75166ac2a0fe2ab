// The AsyncAPI generator loads this directory as a package, and the `imports` of a package cannot refer to files outside
// of it. Therefore `imports` refers to this file, which loads the emitters.
module.exports = require('../emit.ts');
