// The plugin: its settings and capabilities, and what connects them to the rest.
#include <lao/lao.hpp>

#include "describe.hpp"
#include "format.hpp"
#include "steps.hpp"

namespace {

using data::Document;

constexpr std::uint64_t LOOK_RECORDS = 256;    // between two looks at whether the call was cancelled
constexpr std::size_t PART_BYTES = 256 << 10; // of what `transform` hands out

data::Options options_of_input(const lao::Call &call) {
    data::Options options;
    options.from = call.text("from");
    options.delimiter = call.text("delimiter");
    options.has_header = call.boolean("header");
    options.record = call.text("record");
    return options;
}

data::Options options_of(const lao::Call &call) {
    data::Options options = options_of_input(call);
    options.to = call.text("to");
    options.root = call.text("root");
    options.element = call.text("element");
    return options;
}

class DataProcessor {
  public:
    explicit DataProcessor(const lao::Config &config)
        : record_bytes_(static_cast<std::size_t>(config.integer("max_record_bytes"))),
          kept_bytes_(static_cast<std::size_t>(config.integer("max_kept_mb")) << 20) {}

    void process(lao::Batch<std::string_view, std::string> &batch) const {
        for (std::size_t i = 0; i < batch.size(); i++) {
            auto &item = batch[i];
            const lao::Call &call = item.call();
            if (batch.size() > 1) {
                call.progress(static_cast<double>(i) / static_cast<double>(batch.size()),
                              "document " + std::to_string(i + 1) + " of " + std::to_string(batch.size()));
            }
            try {
                Document document(item.input, record_bytes_);
                std::string whole;
                convert(document, call, [&whole](std::string &out, bool is_last) {
                    if (is_last) {
                        whole = std::move(out);
                    }
                    return true;
                });
                item.answer(std::move(whole));
            } catch (const lao::Error &error) {
                item.fail(error);
            }
        }
    }

    // What it holds at a time is a part of the input, a record, a part of the output, and what `sort` and `aggregate`
    // keep.
    void transform(lao::Receiver<lao::Bytes> in, lao::Sender<std::vector<std::uint8_t>> out,
                   const lao::Call &call) const {
        double taken = 0;
        const auto parts = [&](std::string &part) {
            const auto bytes = in.next();
            if (bytes) {
                part.append(reinterpret_cast<const char *>(bytes->data), bytes->size);
                taken += static_cast<double>(bytes->size) / 1e6;
                char text[40];
                std::snprintf(text, sizeof text, "%.1f MB read", taken);
                call.progress(-1, text);
            }
            return bytes.has_value();
        };
        Document document(parts, record_bytes_);
        convert(document, call, [&out](std::string &made, bool is_last) {
            if ((made.size() < PART_BYTES && !is_last) || made.empty()) {
                return true;
            }
            const bool wants_more = out.send({made.begin(), made.end()});
            made.clear();
            return wants_more;
        });
    }

    lao::JsonObject describe(std::string_view text, const lao::Call &call) const {
        Document document(text, record_bytes_);
        data::Reader reader(options_of_input(call), document);
        data::Description description;
        std::uint64_t count = 0;
        while (const auto record = reader.next()) {
            description.add(*record);
            if (++count % LOOK_RECORDS == 0) {
                call.stop_if_cancelled();
            }
        }
        return description.result(data::FORMAT_NAMES[static_cast<std::size_t>(reader.format())]);
    }

  private:
    // Reads a document record by record and writes what the steps leave of it. `flush(out, is_last)` takes what was
    // written whenever it likes, the rest in the end, and says whether more is wanted.
    template <class Flush> void convert(Document &document, const lao::Call &call, Flush flush) const {
        const data::Options options = options_of(call);
        data::Pipeline pipeline(call.json("steps"), kept_bytes_);
        data::Reader reader(options, document);
        data::Writer writer(options, reader.format());
        std::string out;
        std::uint64_t count = 0;
        bool wants_more = true;
        const auto write = [&](const data::Record &record) { writer.write(record, out); };
        while (wants_more && !pipeline.is_done()) {
            auto record = reader.next();
            if (!record) {
                break;
            }
            pipeline.push(std::move(*record), write);
            if (++count % LOOK_RECORDS == 0) {
                call.stop_if_cancelled();
            }
            wants_more = flush(out, false);
        }
        pipeline.finish([&](const data::Record &record) {
            if (wants_more) {
                call.stop_if_cancelled();
                writer.write(record, out);
                wants_more = flush(out, false);
            }
        });
        writer.end(out);
        flush(out, true);
    }

    std::size_t record_bytes_;
    std::size_t kept_bytes_;
};

std::vector<std::string> formats(const char *first) {
    std::vector<std::string> names = {first};
    names.insert(names.end(), std::begin(data::FORMAT_NAMES), std::end(data::FORMAT_NAMES));
    return names;
}

std::vector<lao::Param> input_params() {
    return {
        lao::text_param("from", "auto", "The format of the input; auto: by its first character", formats("auto")),
        lao::text_param("delimiter", ",", "Between two fields of CSV; \\t is a tabulator").sized(1, 2),
        lao::bool_param("header", true, "The first line of CSV has the names"),
        lao::text_param("record", "", "XML elements that are records; empty: the children of the root"),
    };
}

std::vector<lao::Param> params() {
    std::vector<lao::Param> all = input_params();
    all.push_back(lao::text_param("to", "same", "The format of the output; same: that of the input", formats("same")));
    all.push_back(
        lao::list_param("steps", lao::json_field("step"), "What happens to each record, one step after the other"));
    all.push_back(lao::text_param("root", "records", "The root of XML that is written").sized(1, 256));
    all.push_back(lao::text_param("element", "record", "Its elements").sized(1, 256));
    return all;
}

} // namespace

// Name and version come from plugin.toml.
LAO_PLUGIN(
    lao::Plugin<DataProcessor>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
        .settings({lao::int_param("max_record_bytes", 16 << 20, "Bytes that one record may have", 1024, 1 << 30),
                   lao::int_param("max_kept_mb", 128, "MiB that `sort` and `aggregate` may keep in memory", 1, 65536)})
        .capability("process", "Documents to documents: JSON, NDJSON, CSV, XML", &DataProcessor::process, params())
        .max_batch(64)
        .idempotent()
        .capability("transform", "The same for a document of any length, in parts", &DataProcessor::transform, params())
        .capability("describe", "The fields of a document, their types and ranges", &DataProcessor::describe,
                    input_params())
        .idempotent())
