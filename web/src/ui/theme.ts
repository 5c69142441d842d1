import {
  Button,
  Combobox,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  InputWrapper,
  type MantineColorsTuple,
  Modal,
  Tooltip,
} from '@mantine/core'
import { OTHER_COLOUR, PALETTE } from '@/lib/colour'

/** The one accent: ink blue, as on a ledger. It never means a category. */
const ink: MantineColorsTuple = [
  '#eef0fb',
  '#d9def5',
  '#b4bdec',
  '#8b99e2',
  '#6c7cda',
  '#5567d0',
  '#3f51bf',
  '#3442b8',
  '#2b3796',
  '#222b75',
]

/** Mantine builds its own surfaces and borders from these two; they are the greys named below. */
const gray: MantineColorsTuple = [
  '#f9f9f7',
  '#f1f1ed',
  '#e9e9e4',
  '#e3e3de',
  '#cfcfc9',
  '#aeaea8',
  '#777a80',
  '#5b5e66',
  '#3a3c42',
  '#191a1d',
]
const dark: MantineColorsTuple = [
  '#ececee',
  '#c9cad0',
  '#a0a3ab',
  '#7d8089',
  '#3c3f46',
  '#292b30',
  '#1b1c20',
  '#17181b',
  '#121315',
  '#0f1012',
]

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 5 },
  colors: { ink, gray, dark },
  fontFamily: "'Inter Variable', Inter, system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '24px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.4', xl: '1.25' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '6px', sm: '6px', md: '6px', lg: '6px', xl: '6px' },
  defaultRadius: 'sm',
  focusRing: 'auto',
  cursorType: 'pointer',
  respectReducedMotion: true,
  autoContrast: true,
  components: {
    InputWrapper: InputWrapper.extend({ styles: { label: { fontWeight: 500, marginBottom: 2 } } }),
    // A list that is closed is not there: thirty of its options are drawn and measured otherwise.
    Combobox: Combobox.extend({ defaultProps: { keepMounted: false } }),
    Button: Button.extend({ defaultProps: { fw: 500 } }),
    Modal: Modal.extend({ styles: { title: { fontWeight: 600 } } }),
    Drawer: Drawer.extend({ styles: { title: { fontWeight: 600 } } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300 } }),
  },
  headings: { fontWeight: '600', sizes: { h1: { fontSize: '16px' }, h2: { fontSize: '14px' } } },
})

const categories = (name: 'light' | 'dark') => ({
  ...Object.fromEntries(PALETTE[name].map((colour, at) => [`--category-${at + 1}`, colour])),
  '--category-other': OTHER_COLOUR[name],
})

/** Our names for colours, and Mantine's said in them, so that both agree in both themes. */
export const resolveVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...categories('light'),
    '--page': '#f6f6f3',
    '--surface': '#ffffff',
    '--raised': '#ffffff',
    '--sunken': '#f1f1ed',
    '--line': '#e3e3de',
    '--line-strong': '#cfcfc9',
    '--ink-1': '#191a1d',
    '--ink-2': '#5b5e66',
    '--accent': '#3442b8',
    '--accent-soft': '#eef0fb',
    '--good': '#1c7a4c',
    '--good-soft': '#e6f4ec',
    '--warn': '#8f5a00',
    '--warn-soft': '#fdf3dd',
    '--warn-line': '#ecd49b',
    '--bad': '#b3261e',
    '--bad-soft': '#fcebe9',
    '--bad-line': '#f0c2bd',
    ...mantine,
  },
  dark: {
    ...categories('dark'),
    '--page': '#0f1012',
    '--surface': '#17181b',
    '--raised': '#1e2024',
    '--sunken': '#121315',
    '--line': '#292b30',
    '--line-strong': '#3c3f46',
    '--ink-1': '#ececee',
    '--ink-2': '#a0a3ab',
    '--accent': '#9aa6f0',
    '--accent-soft': '#23273d',
    '--good': '#5bc98c',
    '--good-soft': '#14291e',
    '--warn': '#e8b75a',
    '--warn-soft': '#2a2213',
    '--warn-line': '#574620',
    '--bad': '#f28b82',
    '--bad-soft': '#331a18',
    '--bad-line': '#65302b',
    ...mantine,
  },
})

const mantine = {
  '--mantine-color-body': 'var(--surface)',
  '--mantine-color-text': 'var(--ink-1)',
  '--mantine-color-dimmed': 'var(--ink-2)',
  '--mantine-color-placeholder': 'var(--ink-2)',
  '--mantine-color-anchor': 'var(--accent)',
  '--mantine-color-default': 'var(--surface)',
  '--mantine-color-default-hover': 'var(--sunken)',
  '--mantine-color-default-color': 'var(--ink-1)',
  '--mantine-color-default-border': 'var(--line)',
  '--mantine-color-error': 'var(--bad)',
}
