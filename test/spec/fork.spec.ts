/** The suite with a fork at every command: each runs in a machine and in its child, which must not differ. */
import { declareSuite } from './suite.ts';
import { forked } from './ways.ts';

declareSuite('fork at every command', { way: forked, budget: false, passing: 'bits', paranoid: true });
