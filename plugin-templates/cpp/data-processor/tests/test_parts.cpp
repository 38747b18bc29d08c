// Tests of the readers, the writers and the expressions alone.
#include <iostream>

#include "../src/expression.hpp"
#include "../src/format.hpp"
#include "../src/number.hpp"
#include "../src/steps.hpp"

static int failures = 0;

template <class A, class B> static void expect(const std::string &what, const A &is, const B &expected) {
    if (!(is == expected)) {
        std::cout << what << " is `" << is << "`, not `" << expected << "`\n";
        failures++;
    }
}

// What is made of a document that comes in parts of so many bytes; or what is wrong with it.
static std::string converted(const std::string &text, std::size_t size, const std::string &to,
                             const std::string &steps = "[]") {
    std::size_t at = 0;
    const auto parts = [&](std::string &part) {
        part.append(text, at, size);
        at = std::min(at + size, text.size());
        return !part.empty();
    };
    std::string out;
    try {
        data::Document document(parts, 1 << 20);
        data::Options options;
        options.to = to;
        data::Reader reader(options, document);
        data::Writer writer(options, reader.format());
        data::Pipeline pipeline(steps, 1 << 20);
        const auto write = [&](const data::Record &record) { writer.write(record, out); };
        while (auto record = reader.next()) {
            pipeline.push(std::move(*record), write);
        }
        pipeline.finish(write);
        writer.end(out);
    } catch (const lao::Error &error) {
        return error.what();
    }
    return out;
}

static void test_formats() {
    const std::string json =
        "[\n{\"a\":\"\xc3\xa9, \\\"x\\\"\",\"b\":\"two\\nlines\"},\n{\"a\":\"\",\"b\":\"<&>\"}\n]\n";
    for (const char *form : {"json", "ndjson", "csv", "xml"}) {
        const std::string there = converted(json, 1000, form);
        for (const std::size_t size : {1, 2, 3, 7, 1000}) {
            expect(form, converted(there, size, "json"), json);
        }
    }
    for (const std::size_t size : {1, 5, 1000}) {
        expect("NDJSON", converted("[{\"a\": 1.10, \"b\": [1,\n {\"c\" :null}], \"d\":{ }}]", size, "ndjson"),
               "{\"a\":1.10,\"b\":[1,{\"c\":null}],\"d\":{}}\n");
    }
}

static void test_places() {
    for (const std::size_t size : {1, 2, 1000}) {
        expect("CSV", converted("a,b\n1,2\n\"\xc3\xa4\",x\"y\n", size, "json").substr(0, 28),
               "line 3, column 6: a quotatio");
        expect("JSON", converted("[{\"\xc3\xa4\":1},\n {\"a\":}]", size, "json"), "line 2, column 7: expected value");
        expect("XML", converted("<a>\n<b>\xc3\xa4&no;</b></a>", size, "json"),
               "line 2, column 5: there is no entity `no`");
    }
}

static void test_expressions() {
    data::Record record;
    record.fields.emplace_back(data::name_of("n"), data::Value::of(std::int64_t{7}));
    record.fields.emplace_back(data::name_of("o"), data::Value::of_json("{\"list\":[10,20]}"));
    const std::pair<const char *, const char *> all[] = {
        {"1 + 2 * 3 - -4", "11"},    {"n / 2", "3.5"},    {"n % 4 == 3 and not (n > 8)", "true"},
        {"o.list.1", "20"},          {"o.list.2", ""},    {"if(n > 5, upper('\xc3\xa4'), 1)", "\xc3\x84"},
        {"round(2.345, 2)", "2.35"}, {"missing + 1", ""},
    };
    for (const auto &[text, expected] : all) {
        expect(text, data::Expression::parse(text).run(record).plain(), std::string(expected));
    }
    for (const char *text : {"", "1 +", "(1", "1 2", "n = 1", "'open", "what(1)", "lower()", "1e999", "2x", "1 ! 2"}) {
        try {
            data::Expression::parse(text);
            expect(text, "read", std::string("refused"));
        } catch (const data::Wrong &) {
        }
    }
    for (const char *text :
         {"9223372036854775807 + n", "-9223372036854775807 - n", "9223372036854775807 * n", "n / 0"}) {
        try {
            data::Expression::parse(text).run(record);
            expect(text, "computed", std::string("refused"));
        } catch (const data::Wrong &) {
        }
    }
}

static void test_numbers() {
    const std::string zeros(400, '0');
    expect("1e-999", data::to_double("1e-999").value_or(-1), 0.0);
    expect("0.000...1", data::to_double("0." + zeros + "1").value_or(-1), 0.0);
    expect("1e999", data::to_double("1e999").has_value(), false);
    expect("1000...0", data::to_double("1" + zeros).has_value(), false);
    expect("1e99999999999999999999", data::to_double("1e99999999999999999999").has_value(), false);
    expect("1000...0e-400", data::to_double("1" + zeros + "e-400").value_or(-1), 1.0);
    for (const char *text : {"+", "-", "01", ".5", "1.", "1e", "1e+", "NaN", "Infinity", "0x1"}) {
        expect(text, data::json_number_size(text) == std::string_view(text).size(), false);
    }
}

static void test_steps() {
    const std::string rows = "k,v\nb,2\na,1.5\nb,3\n";
    const char *const groups = R"json([{"cast": {"v": "number"}},
        {"aggregate": {"by": ["k"], "compute": {"n": "count()", "s": "sum(v)"}}}, {"sort": ["k"]}])json";
    expect("groups", converted(rows, 4, "ndjson", groups),
           "{\"k\":\"a\",\"n\":1,\"s\":1.5}\n{\"k\":\"b\",\"n\":2,\"s\":5}\n");
    expect("a cast", converted(rows, 4, "json", R"([{"cast": {"v": "integer"}}])"),
           "line 3: cast: `v` is not an integer: `1.5`");
}

int main() {
    test_formats();
    test_places();
    test_expressions();
    test_numbers();
    test_steps();
    return failures == 0 ? 0 : 1;
}
