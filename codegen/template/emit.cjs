// A package's imports cannot lead out of it, and the generator asks for a package: this is the way to the emitters.
module.exports = require('../emit.ts');
