import type { CommandSpec } from '../cli.js'

/** `aim recipes ...`, in the order of the help. */
export const RECIPE_COMMANDS: CommandSpec[] = [
  {
    name: 'recipes list',
    about: 'show the recipes: which model runs how on what',
    more: 'Files of AIM_RECIPES come after ours and override them. Derived recipes follow one rule; they are shown with --all.',
    arguments: [{ name: '[model]', about: 'only those for this model, in any precision' }],
    options: [{ flags: '--all', about: 'also derived recipes of models in the catalogue' }],
    examples: [
      ['aim recipes list', 'all that were written, yours among them (AIM_RECIPES)'],
      ['aim recipes list Qwen/Qwen3-32B --all', 'all that a plan would choose from'],
    ],
    load: async () => (await import('./recipes-list.js')).recipesList,
  },
  {
    name: 'recipes show',
    about: 'print a recipe as YAML, and where it comes from',
    arguments: [{ name: '<id>', about: 'id of a recipe', complete: 'recipe' }],
    examples: [['aim recipes show any/vllm-cpu', 'as a file to start your own from']],
    load: async () => (await import('./recipes-show.js')).recipesShow,
  },
  {
    name: 'recipes validate',
    about: 'check recipe files: every problem with file, line and field',
    more: 'Exit code 2 when something is wrong.',
    arguments: [{ name: '[paths...]', about: 'files or folders (default: ours and those of AIM_RECIPES)', complete: 'directory' }],
    examples: [
      ['aim recipes validate', 'everything on the search path'],
      ['aim recipes validate ~/recipes', 'a folder, before it is used'],
    ],
    load: async () => (await import('./recipes-validate.js')).recipesValidate,
  },
  {
    name: 'recipes test',
    about: 'try recipes without a GPU: command, flags, spread over the GPUs, memory',
    more: 'No engine is started. Exit code 1 when a recipe fails.',
    arguments: [{ name: '[ids...]', about: 'ids of recipes', complete: 'recipe' }],
    options: [{ flags: '--all', about: 'every recipe that was written' }],
    examples: [['aim recipes test --all', 'ours and yours']],
    load: async () => (await import('./recipes-test.js')).recipesTest,
  },
  {
    name: 'recipes import',
    about: "turn AMD's AIM profiles, or recipe_id files, into recipes",
    more: 'Tells every field that it could not map. Prints the recipes, or writes them below --out. Exit code 2 when a file is refused.',
    arguments: [{ name: '<files...>', about: 'YAML files' }],
    options: [{ flags: '--out <dir>', about: 'folder to write into; existing files are left alone' }],
    examples: [
      ['aim recipes import vllm-mi300x-fp8-tp4-latency.yaml', 'look at what would come out'],
      ['aim recipes import profiles/*.yaml --out ~/recipes', 'take them over; AIM_RECIPES=~/recipes then uses them'],
    ],
    load: async () => (await import('./recipes-import.js')).recipesImport,
  },
]
