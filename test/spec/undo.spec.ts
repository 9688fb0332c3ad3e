/** The suite with every command undone first: by a failed transaction, by a trap, by going back to a snapshot. */
import { declareSuite } from './suite.ts';
import { undone } from './ways.ts';

declareSuite('undone at every command', { way: undone, budget: false, passing: 'bits', paranoid: true });
