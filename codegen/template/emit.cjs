// The AsyncAPI generator requires a package, and the `imports` of a package cannot refer to files outside of it. This
// file can.
module.exports = require('../emit.ts');
