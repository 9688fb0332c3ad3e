/** The suite with the budget pass and more budget than it needs; values pass as JavaScript's where they keep their bits. */
import { declareSuite } from './suite.ts';
import { plain } from './ways.ts';

declareSuite('with a budget', { way: plain, budget: true, passing: 'plain', paranoid: false });
