package watchfire

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// ConfigError is about a config that can't be worked with: the dotted path of a key, and what is wrong.
type ConfigError struct{ Key, Message string }

func (e *ConfigError) Error() string { return fmt.Sprintf("`%s`: %s", e.Key, e.Message) }

// Wrong says that a config can't be worked with because of a key.
func Wrong(key, format string, values ...any) error {
	return &ConfigError{key, fmt.Sprintf(format, values...)}
}

func parseConfig(text string, into reflect.Value) error {
	reader := json.NewDecoder(strings.NewReader(text))
	reader.UseNumber()
	var given any
	if err := reader.Decode(&given); err != nil {
		return Wrong("", "it is no JSON: %v", err)
	}
	return assign(given, into, "")
}

func below(key string, part any) string {
	if key == "" {
		return fmt.Sprint(part)
	}
	return fmt.Sprintf("%s.%v", key, part)
}

// assign puts what was read into a value, and names the key where it doesn't fit.
func assign(given any, into reflect.Value, key string) error {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		return assign(given, into.Elem(), key)
	}
	if reader, is := into.Addr().Interface().(encoding.TextUnmarshaler); is {
		text, is := given.(string)
		if !is {
			return Wrong(key, "expected a text")
		}
		if err := reader.UnmarshalText([]byte(text)); err != nil {
			return Wrong(key, "%v", err)
		}
		return nil
	}
	switch into.Kind() {
	case reflect.Struct:
		return assignTable(given, into, key)
	case reflect.Slice:
		list, is := given.([]any)
		if !is {
			return Wrong(key, "expected a list")
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for at, one := range list {
			if err := assign(one, into.Index(at), below(key, at)); err != nil {
				return err
			}
		}
		return nil
	case reflect.String:
		text, is := given.(string)
		if !is {
			return Wrong(key, "expected a text")
		}
		into.SetString(text)
		return nil
	case reflect.Bool:
		is, right := given.(bool)
		if !right {
			return Wrong(key, "expected true or false")
		}
		into.SetBool(is)
		return nil
	case reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Uint64:
		number, _ := given.(json.Number)
		if whole, err := strconv.ParseInt(string(number), 10, 64); err == nil && into.CanInt() && !into.OverflowInt(whole) {
			into.SetInt(whole)
			return nil
		}
		if whole, err := strconv.ParseUint(string(number), 10, 64); err == nil && into.CanUint() && !into.OverflowUint(whole) {
			into.SetUint(whole)
			return nil
		}
		return Wrong(key, "expected a whole number that fits")
	}
	return Wrong(key, "a config can't hold a %s", into.Type())
}

func assignTable(given any, into reflect.Value, key string) error {
	table, is := given.(map[string]any)
	if !is {
		return Wrong(key, "expected a table")
	}
	known := map[string]bool{}
	for _, one := range fieldsOf(into.Type()) {
		known[one.name] = true
		value, there := table[one.name]
		switch {
		case there && value != nil:
			if err := assign(value, into.Field(one.at), below(key, one.name)); err != nil {
				return err
			}
		case !one.isOptional:
			return Wrong(below(key, one.name), "missing")
		}
	}
	var unknown []string
	for name := range table {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if sort.Strings(unknown); len(unknown) > 0 {
		return Wrong(below(key, unknown[0]), "unknown key")
	}
	return nil
}

type field struct {
	name       string
	at         int
	isOptional bool
}

// fieldsOf names fields by their `json` tag; a pointer, or `omitempty`, may be left out.
func fieldsOf(table reflect.Type) (fields []field) {
	for at := range table.NumField() {
		one := table.Field(at)
		name, options, _ := strings.Cut(one.Tag.Get("json"), ",")
		if name == "" {
			name = one.Name
		}
		fields = append(fields, field{name, at, one.Type.Kind() == reflect.Pointer || options == "omitempty"})
	}
	return fields
}

// schemaOf is the JSON Schema of a type; the tag `doc` describes a field.
func schemaOf(of reflect.Type) map[string]any {
	switch {
	case of.Kind() == reflect.Pointer:
		return schemaOf(of.Elem())
	case of == reflect.TypeFor[Address]():
		return map[string]any{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
	case of == reflect.TypeFor[Decimal]():
		return map[string]any{"type": "string", "pattern": `^\+?[0-9]+(\.[0-9]+)?$`}
	}
	switch of.Kind() {
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for _, one := range fieldsOf(of) {
			schema := schemaOf(of.Field(one.at).Type)
			if doc := of.Field(one.at).Tag.Get("doc"); doc != "" {
				schema["description"] = doc
			}
			if properties[one.name] = schema; !one.isOptional {
				required = append(required, one.name)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(of.Elem())}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	default:
		return map[string]any{"type": "integer"}
	}
}
