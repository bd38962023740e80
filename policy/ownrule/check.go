package ownrule

import (
	"errors"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"

	"sessionwarden"
)

// What of the language is let in. The words of a list stand as a person would
// be told of them.
var (
	operators = []string{"and", "or", "not", "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches", "+", "-", "*", "/", "%", "&&", "||", "!"}
	functions = []string{"in_network", "len", "lower", "upper", "trim", "abs"}
)

// maxPattern is how many steps a pattern of matches may have.
const maxPattern = 1000

// check parses text and looks at every part of it before the library does more:
// whether it is let in, and whether what it names exists.
func check(text string) (uses []string, wrong *Mistake) {
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, fromLibrary(text, err)
	}
	c := checker{text: text}
	c.node(tree.Node)
	return c.uses, c.wrong
}

// checker walks through an expression and keeps the first mistake.
type checker struct {
	text  string
	uses  []string
	wrong *Mistake
}

func (c *checker) refuse(n ast.Node, problem, cure string) {
	if c.wrong == nil {
		c.wrong = &Mistake{Offset: byteOffset(c.text, n.Location().From), Problem: problem, Cure: cure}
	}
}

func (c *checker) nodes(list ...ast.Node) {
	for _, n := range list {
		c.node(n)
	}
}

func (c *checker) node(n ast.Node) {
	if c.wrong != nil {
		return
	}
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode:
	case *ast.IdentifierNode:
		c.unknown(n, n.Value)
	case *ast.MemberNode:
		c.member(n)
	case *ast.UnaryNode:
		if !slices.Contains(operators, n.Operator) {
			c.notLetIn(n, n.Operator)
		}
		c.node(n.Node)
	case *ast.BinaryNode:
		c.binary(n)
	case *ast.ConditionalNode:
		c.nodes(n.Cond, n.Exp1, n.Exp2)
	case *ast.ArrayNode:
		c.nodes(n.Nodes...)
	case *ast.BuiltinNode:
		c.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			c.call(n.Callee, callee.Value, n.Arguments)
			return
		}
		c.refuse(n, "this cannot be called", functionCure)
	case *ast.NilNode:
		c.refuse(n, "there is no nil here", `what is not known is "", 0 or false`)
	default:
		c.refuse(n, "this part of the language is not let in", "there are no loops, variables, maps or slices; "+operatorCure)
	}
}

var (
	operatorCure = "there are " + strings.Join(operators[:len(operators)-3], ", ")
	functionCure = "there are " + strings.Join(functions, ", ")
)

func (c *checker) notLetIn(n ast.Node, what string) {
	c.refuse(n, "there is no "+sessionwarden.Clean(what, 20)+" here", operatorCure)
}

func (c *checker) call(n ast.Node, name string, arguments []ast.Node) {
	switch {
	case !slices.Contains(functions, name):
		c.refuse(n, "there is no function "+shown(name), suggest(name, functions, functionCure))
	case name == "in_network":
		c.network(n, arguments)
	default:
		c.nodes(arguments...)
	}
}

// network checks the network of in_network: it has to be there in words, as a
// misspelt one would never match.
func (c *checker) network(n ast.Node, arguments []ast.Node) {
	const cure = `write in_network("203.0.113.0/24")`
	if len(arguments) != 1 {
		c.refuse(n, "in_network takes one network", cure)
		return
	}
	literal, ok := arguments[0].(*ast.StringNode)
	if !ok {
		c.refuse(arguments[0], "in_network takes a network in quotation marks", cure)
		return
	}
	if _, err := parseNetwork(literal.Value); err != nil {
		c.refuse(literal, shown(literal.Value)+" is not a network", cure)
	}
	c.use("session.address")
}

// member checks a name with a dot, such as location.country.
func (c *checker) member(n *ast.MemberNode) {
	room, isName := n.Node.(*ast.IdentifierNode)
	property, isText := n.Property.(*ast.StringNode)
	if !isName || !isText || n.Optional {
		c.refuse(n, "parts of values cannot be taken here", "a list is asked with in, a text with contains, startsWith, endsWith or matches")
		return
	}
	name := room.Value + "." + property.Value
	if _, byName := fields(); byName[name].index == nil {
		c.unknown(n, name)
		return
	}
	c.use(name)
}

// use notes a value that the expression looks at.
func (c *checker) use(name string) {
	if !slices.Contains(c.uses, name) {
		c.uses = append(c.uses, name)
	}
}

// unknown refuses a name that does not exist.
func (c *checker) unknown(n ast.Node, name string) {
	if slices.Contains(functions, name) {
		c.refuse(n, name+" is a function", "write it with its brackets: "+name+"(…)")
		return
	}
	room, _, dotted := strings.Cut(name, ".")
	var here, all, ending []string
	list, _ := fields()
	for _, f := range list {
		all = append(all, f.name)
		if strings.HasPrefix(f.name, room+".") {
			here = append(here, f.name)
		}
		if strings.HasSuffix(f.name, "."+name) {
			ending = append(ending, f.name)
		}
	}
	cure := suggest(name, all, "there are session, location, account, history and time, each with its values: docs/rules.md")
	switch {
	case len(ending) > 0:
		cure = "did you mean " + strings.Join(ending, " or ") + "?"
	case !dotted && len(here) > 0:
		c.refuse(n, name+" is no value by itself", "name one in it: "+strings.Join(here, ", "))
		return
	case dotted && len(here) > 0:
		last := strings.TrimPrefix(name, room+".")
		for i := range here {
			here[i] = strings.TrimPrefix(here[i], room+".")
		}
		if cure = suggest(last, here, ""); cure != "" {
			cure = strings.Replace(cure, "did you mean ", "did you mean "+room+".", 1)
		} else {
			cure = "in " + room + " there are " + strings.Join(here, ", ")
		}
	}
	c.refuse(n, "there is no value "+shown(name), cure)
}

// binary checks an operator and its two sides.
func (c *checker) binary(n *ast.BinaryNode) {
	if !slices.Contains(operators, n.Operator) {
		c.notLetIn(n, n.Operator)
	}
	c.nodes(n.Left, n.Right)
	switch n.Operator {
	case "==", "!=", "in":
		c.words(n.Left, n.Right)
		c.words(n.Right, n.Left)
	case "matches":
		c.pattern(n.Right)
	case "/", "%":
		if isZero(n.Right) {
			c.refuse(n, zeroProblem, zeroCure)
		}
	}
}

// isZero reports whether n is the number 0, written out.
func isZero(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return n.Value == 0
	case *ast.FloatNode:
		return n.Value == 0
	}
	return false
}

// pattern checks what a text is held against: it has to be there in words, so
// that it is known to be right, and small.
func (c *checker) pattern(n ast.Node) {
	const cure = `write matches "^Windows"`
	literal, ok := n.(*ast.StringNode)
	if !ok {
		c.refuse(n, "matches takes a pattern in quotation marks", cure)
		return
	}
	parsed, err := syntax.Parse(literal.Value, syntax.Perl)
	if err != nil {
		c.refuse(n, "this is not a pattern: "+sessionwarden.Clean(err.Error(), 200), cure)
		return
	}
	if program, err := syntax.Compile(parsed.Simplify()); err != nil || len(program.Inst) > maxPattern {
		c.refuse(n, "the pattern is too large", "write a smaller one; contains and startsWith take plain words")
	}
}

// words refuses a word that value can never be: the rule would never match, and
// nobody would know.
func (c *checker) words(value, word ast.Node) {
	member, ok := value.(*ast.MemberNode)
	if !ok || c.wrong != nil {
		return
	}
	if list, ok := word.(*ast.ArrayNode); ok {
		for _, n := range list.Nodes {
			c.words(value, n)
		}
		return
	}
	literal, ok := word.(*ast.StringNode)
	if !ok {
		return
	}
	switch member.Node.(*ast.IdentifierNode).Value + "." + member.Property.(*ast.StringNode).Value {
	case "location.country", "session.service_country", "account.expected":
		if literal.Value != "" {
			c.country(literal)
		}
	case "time.weekday":
		if !slices.Contains(weekdays[:], literal.Value) {
			c.refuse(literal, shown(literal.Value)+" is no day of the week", suggest(literal.Value, weekdays[:], `write "monday" to "sunday"`))
		}
	}
}

// country refuses what is no country's code.
func (c *checker) country(literal *ast.StringNode) {
	_, err := sessionwarden.ParseCountry(literal.Value)
	if err == nil {
		return
	}
	cure := `write the two capital letters of ISO 3166-1, such as "DE"`
	var bad *sessionwarden.CountryError
	if errors.As(err, &bad) && bad.Meant != "" {
		cure = "write " + strconv.Quote(string(bad.Meant)) + " for " + bad.Meant.Name()
	}
	c.refuse(literal, shown(literal.Value)+" is not a country code", cure)
}

// suggest is the cure for a word that is none of words.
func suggest(text string, words []string, otherwise string) string {
	best, bestAt := "", 2+len(text)/4
	if text == "" || len(text) > 64 {
		return otherwise
	}
	for _, w := range words {
		d := sessionwarden.EditDistance(strings.ToLower(text), w)
		if d < bestAt || d == bestAt && best != "" && w[:1] == strings.ToLower(text[:1]) && best[:1] != w[:1] {
			best, bestAt = w, d
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + best + "?"
}

func shown(text string) string { return strconv.Quote(sessionwarden.Clean(text, 64)) }
