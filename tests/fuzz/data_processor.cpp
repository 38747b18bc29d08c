// The readers, the writers and the expressions of the template `data-processor`, for test_data_processor.py.
#include "expression.hpp"
#include "fed.hpp"
#include "format.hpp"
#include "steps.hpp"

static constexpr std::size_t RECORD = 64 << 10;
static constexpr const char *STEPS = R"json([{"cast": {"a": "number"}, "invalid": "null"}, {"derive": {"x": "a * 2"}},
    {"aggregate": {"by": ["b"], "compute": {"n": "count()", "s": "sum(x)", "c": "last(c)"}}}, {"sort": ["-n", "c"]}])json";

struct Result {
    std::string out;
    std::string error;
    bool is_xml = false;

    // Expat finds another one of several errors where the parts end elsewhere.
    bool operator==(const Result &other) const {
        return out == other.out && (is_xml ? error.empty() == other.error.empty() : error == other.error);
    }
};

// In parts of `size` bytes; 0: whole.
static Result converted(const std::string &data, std::size_t size, const data::Options &options, const char *steps) {
    Result result;
    try {
        std::size_t at = 0;
        const auto parts = [&](std::string &part) {
            part.append(data, at, size);
            at = std::min(at + size, data.size());
            return !part.empty();
        };
        std::optional<data::Document> document;
        if (size == 0) {
            document.emplace(data, RECORD);
        } else {
            document.emplace(parts, RECORD);
        }
        data::Reader reader(options, *document);
        result.is_xml = reader.format() == data::Format::xml;
        data::Writer writer(options, reader.format());
        data::Pipeline pipeline(steps, 1 << 20);
        const auto write = [&](const data::Record &record) { writer.write(record, result.out); };
        while (auto record = reader.next()) {
            pipeline.push(std::move(*record), write);
        }
        pipeline.finish(write);
        writer.end(result.out);
    } catch (const lao::InvalidInput &error) {
        result.error = error.what();
        require(result.error.rfind("line ", 0) == 0, "an error says not where", result.error);
    }
    return result;
}

static bool is_bound(const std::string &error) { return error.find("more than ") != std::string::npos; }

static void read(const std::string &input) {
    const std::size_t size = input.empty() ? 1 : static_cast<unsigned char>(input.back()) % 17 + 1;
    for (const char *to : {"json", "ndjson", "csv", "xml"}) {
        data::Options options;
        options.to = to;
        const Result whole = converted(input, 0, options, "[]");
        const Result parts = converted(input, size, options, "[]");
        require(whole == parts, "parts give something else than the whole", whole.error + " / " + parts.error);
        converted(input, size, options, STEPS);
        if (!whole.error.empty() || whole.out.empty()) {
            continue;
        }
        data::Options again;
        again.from = again.to = to;
        const Result back = converted(whole.out, 0, again, "[]");
        require(back.error.empty() || is_bound(back.error), "what was written cannot be read",
                to + (": " + back.error));
        require(std::string(to) == "xml" || back.out == whole.out || !back.error.empty(),
                "what was written is something else when it is read", to);
    }
    data::Record record;
    record.fields.emplace_back(data::name_of("a"), data::Value::of(std::int64_t{INT64_MIN}));
    record.fields.emplace_back(data::name_of("b"), data::Value::of_text("t\xc3\xa4xt"));
    record.fields.emplace_back(data::name_of("c"), data::Value::of_json("[{\"a\":[1,null,true]}]"));
    if (lao_utf8_count(input.data(), input.size()) >= 0) { // parameters are UTF-8
        try {
            data::Expression::parse(input).run(record);
        } catch (const data::Wrong &wrong) {
            require(lao_utf8_count(wrong.why.data(), wrong.why.size()) >= 0, "a reason is not UTF-8");
        }
    }
}
