/** The suite, instrumented. */
import { declareSuite } from './suite.ts';
import { plain } from './ways.ts';

declareSuite('instrumented', { way: plain, budget: false, passing: 'bits', paranoid: true });
