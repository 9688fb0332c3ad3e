/** The suite, instrumented. */
import { declareSuite } from './suite.ts';

declareSuite('instrumented', { fork: false, budget: false, passing: 'bits', paranoid: true });
