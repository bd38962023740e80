package ownrule

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"sessionwarden"
)

const (
	maxText   = 2000   // bytes of an expression
	maxNodes  = 500    // parts of an expression
	maxMemory = 10_000 // what the language counts as memory: elements of lists
)

// Rule is a compiled expression. Many goroutines may ask it at once.
type Rule struct {
	text    string
	program *vm.Program
	uses    []string // the names of the values, each once, in the order of the text
}

// Uses reports whether the expression names the value, such as
// "location.country".
func (r *Rule) Uses(name string) bool { return slices.Contains(r.uses, name) }

// Matches asks the rule. The error says at which place of the expression it
// could not be worked out; then nothing is known.
func (r *Rule) Matches(env *Env) (bool, error) {
	machine := machines.Get().(*vm.VM)
	answer, err := machine.Run(r.program, env)
	if err != nil {
		return false, fromLibrary(r.text, err) // and the machine is not used again
	}
	machines.Put(machine)
	matched, isBool := answer.(bool)
	if !isBool {
		return false, &Mistake{Problem: fmt.Sprintf("the answer is a %T", answer), Cure: boolCure}
	}
	return matched, nil
}

// machines are what expressions are worked out on.
var machines = sync.Pool{New: func() any { return &vm.VM{MemoryBudget: maxMemory} }}

// Values returns what the names in the expression stand for in env.
func (r *Rule) Values(env *Env) []Value {
	_, byName := fields()
	values := make([]Value, len(r.uses))
	for i, name := range r.uses {
		values[i] = Value{Name: name, Text: text(reflect.ValueOf(env).Elem().FieldByIndex(byName[name].index))}
	}
	return values
}

// Mistake is what is wrong with an expression, in words for its owner.
type Mistake struct {
	Offset  int // where in the text, in bytes
	Problem string
	Cure    string
}

// Error implements error.
func (m *Mistake) Error() string { return m.Problem }

// Check says what is wrong with an expression; nil: nothing.
func Check(text string) *Mistake {
	_, err := compile(text)
	return err
}

// compile compiles what check lets in.
func compile(text string) (r *Rule, wrong *Mistake) {
	defer func() { // the library panics on some of what it cannot fold
		if p := recover(); p != nil {
			r, wrong = nil, &Mistake{Problem: "this cannot be worked out: " + sessionwarden.Clean(fmt.Sprint(p), 200), Cure: typeCure}
		}
	}()
	switch {
	case strings.TrimSpace(text) == "":
		return nil, &Mistake{Problem: "there is no expression", Cure: `write when = 'location.country != "DE"', or whatever the rule is to look for`}
	case len(text) > maxText:
		return nil, &Mistake{Problem: fmt.Sprintf("an expression of %d bytes is too long", len(text)), Cure: fmt.Sprintf("write %d bytes at most, or several rules", maxText)}
	case !utf8.ValidString(text):
		return nil, &Mistake{Problem: "this is not UTF-8", Cure: "save the file as UTF-8"}
	}
	uses, wrong := check(text)
	if wrong != nil {
		return nil, wrong
	}
	// The type of the value, not of a pointer to it, though a pointer is what it
	// is asked about: so the fields are found by their place, not by their name.
	options := []expr.Option{expr.Env(Env{}), expr.AsBool(), expr.MaxNodes(maxNodes)}
	program, err := expr.Compile(text, options...)
	if err == nil && strings.Contains(text, "/") { // what is patched, the library does not check any more
		program, err = expr.Compile(text, append(options, expr.Patch(divisions{}), quotient)...)
	}
	if err != nil {
		return nil, fromLibrary(text, err)
	}
	return &Rule{text: text, program: program, uses: uses}, nil
}

// divisions has the result of every / looked at. By itself the language divides by
// zero and goes on with an infinite number, which is more than any other: a rule
// would match because nothing is known.
type divisions struct{}

// Visit implements ast.Visitor.
func (divisions) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.BinaryNode); ok && n.Operator == "/" {
		ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: quotientName}, Arguments: []ast.Node{n}})
	}
}

// quotientName is the function that looks at a quotient. No expression can name it:
// check lets in no such name.
const quotientName = "quotient"

var quotient = expr.Function(quotientName, func(args ...any) (any, error) {
	x, isNumber := args[0].(float64)
	if !isNumber || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, errors.New("divide by zero")
	}
	return x, nil
}, new(func(float64) float64))

const (
	boolCure    = "it has to come out as true or false: compare with ==, !=, <, > or in"
	zeroProblem = "it divides by zero"
	zeroCure    = "ask before: NUMBER != 0 and …"
	typeCure    = "docs/rules.md shows every name with its type and an example"
)

// fromLibrary turns the library's error into ours.
func fromLibrary(text string, err error) *Mistake {
	m := &Mistake{Problem: sessionwarden.Clean(err.Error(), 200), Cure: typeCure}
	var located *file.Error
	if errors.As(err, &located) {
		m.Offset = byteOffset(text, located.From)
		m.Problem = sessionwarden.Clean(located.Message, 200)
	}
	m.Problem, m.Cure = readable(m.Problem, m.Cure)
	return m
}

// readable says the library's commonest messages in other words.
func readable(problem, cure string) (string, string) {
	rest, isType := strings.CutPrefix(problem, "expected bool, but got ")
	switch m, token := mismatch().FindStringSubmatch(problem), unexpected().FindStringSubmatch(problem); {
	case isType:
		return "this comes out as a " + kindName(rest) + ", not as true or false", boolCure
	case m != nil && m[3] == "":
		return "a " + kindName(m[2]) + " does not go with " + m[1], cure
	case m != nil:
		return "a " + kindName(m[2]) + " and a " + kindName(m[3]) + " do not go together with " + m[1], cure
	case token != nil && token[1] != "=" && slices.Contains(operators, strings.ToLower(token[1])):
		return token[1] + " cannot stand here", "and, or, not and in are written in small letters, and stand between two values"
	case token != nil && token[1] != "=":
		return token[1] + " cannot stand here", "see whether something before it is missing, or whether it is too much"
	case strings.Contains(problem, "exceeds maximum allowed nodes"):
		return "the expression has too many parts", "make several rules of it"
	case strings.Contains(problem, "unexpected token EOF"), strings.Contains(problem, "unexpected end of expression"):
		return "the expression ends too early", "see whether a bracket or the second half of a comparison is missing"
	case strings.Contains(problem, `unexpected token Operator("=")`):
		return "a single = compares nothing", "write == for equal, != for different"
	case strings.Contains(problem, "literal not terminated"):
		return "the closing quotation mark is missing", `write texts as "DE"`
	case strings.Contains(problem, "divide by zero"):
		return zeroProblem, zeroCure
	}
	return problem, cure
}

var (
	mismatch   = pattern(`^invalid operation: (\S+) \(mismatched types? (\S+?)(?: and (\S+))?\)$`)
	unexpected = pattern(`^unexpected token \w+\("(.{1,40})"\)$`)
)

// pattern compiles a pattern when it is first wanted.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// kindName is what a person calls one of the language's types.
func kindName(kind string) string {
	switch kind {
	case "string":
		return "text"
	case "int", "float64":
		return "number"
	case "bool":
		return "true-or-false"
	}
	return "list"
}

// byteOffset turns the library's count of characters into bytes.
func byteOffset(text string, runes int) int {
	for i := range text {
		if runes <= 0 {
			return i
		}
		runes--
	}
	return len(text)
}

// Of returns the rule of an expression. What it has compiled before it
// remembers, so that it costs little to ask for.
func Of(text string) (*Rule, error) {
	remembered.RLock()
	known, ok := remembered.rules[text]
	remembered.RUnlock()
	if !ok {
		known.rule, known.wrong = compile(text)
		remembered.Lock()
		defer remembered.Unlock()
		if remembered.rules == nil || len(remembered.rules) >= maxRemembered {
			remembered.rules = make(map[string]outcome)
		}
		remembered.rules[strings.Clone(text)] = known
	}
	if known.wrong != nil {
		return nil, known.wrong
	}
	return known.rule, nil
}

// maxRemembered is how many expressions are remembered: many reloads' worth.
const maxRemembered = 512

type outcome struct {
	rule  *Rule
	wrong *Mistake
}

var remembered struct {
	sync.RWMutex
	rules map[string]outcome
}
