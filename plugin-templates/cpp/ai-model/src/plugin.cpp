// The plugin: its models, its settings, and its capabilities.
#include <algorithm>
#include <filesystem>
#include <lao/lao.hpp>

#include "model.hpp"
#include "tensors.hpp"
#include "text.hpp"

namespace {

// Every `.onnx` of the package, in the order of their names; their names say which is which.
std::vector<std::filesystem::path> packaged(const lao::Config &config) {
    std::vector<std::filesystem::path> files;
    std::error_code missing;
    const auto folder = std::filesystem::u8path(config.resource_dir()) / "resources";
    for (const auto &entry : std::filesystem::directory_iterator(folder, missing)) {
        if (entry.path().extension() == ".onnx") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

// One instance: its models, the first of which answers where none is named.
class Ai {
  public:
    explicit Ai(const lao::Config &config) : max_tokens_(static_cast<std::size_t>(config.integer("max_tokens"))) {
        const std::string model_path = config.text("model_path");
        const auto files = model_path.empty() ? packaged(config)
                                              : std::vector<std::filesystem::path>{std::filesystem::u8path(model_path)};
        if (files.empty()) {
            throw lao::InvalidConfig("there is no model: set `model_path`, or put one into `resources`");
        }
        const auto providers = Runtime::get().providers(config.text("provider"));
        const auto threads = static_cast<int>(config.integer("threads"));
        for (const auto &file : files) {
            models_.emplace_back(file.stem().u8string(), file, providers, threads);
            if (config.boolean("warm_up")) {
                models_.back().warm_up();
            }
        }
    }

    // Texts that came together, which one run of the model answers. All of a batch have the same parameters.
    void process(lao::Batch<std::string_view, lao::JsonObject> &batch) const {
        if (batch.empty()) {
            return;
        }
        const Model &model = chosen(batch[0].call());
        const Slot &input = model.input("");
        if (model.inputs().size() != 1) {
            throw lao::Unsupported("the model `" + model.name() + "` takes more than tokens; use `predict`");
        }
        if (input.element != ort::int64 || input.shape.size() != 2) {
            throw lao::Unsupported("the model `" + model.name() + "` does not take tokens; use `predict`");
        }
        std::vector<std::vector<std::int64_t>> rows;
        for (const auto &item : batch) {
            rows.push_back(text::tokens(item.input, max_tokens_));
        }
        text::Padded together = text::padded(rows);
        std::vector<Feed> feeds;
        feeds.push_back(tokens_feed(input, together.all, static_cast<std::int64_t>(rows.size()), together.length));
        const OrtValue found = model.run(feeds, model.output(""));
        const auto [shape, scores] = as_floats(found);
        if (shape.size() != 2 || shape[0] != static_cast<std::int64_t>(rows.size()) || shape[1] < 1) {
            throw lao::Unsupported("the model does not give one row of scores for each text");
        }
        const auto classes = static_cast<std::size_t>(shape[1]);
        for (std::size_t i = 0; i < batch.size(); i++) {
            batch[i].answer(text::answer(scores + i * classes, classes, model.labels())
                                .set("tokens", rows[i].size())
                                .set("cut", rows[i].size() < batch[i].input.size())
                                .set("model", model.name())
                                .set("version", model.version())
                                .set("sha256", model.sha256())
                                .set("provider", provider_name(model.provider())));
        }
    }

    lao::TensorOut predict(lao::AnyTensor array, const lao::Call &call) const {
        const Model &model = chosen(call);
        const Slot &output = model.output(call.text("output"));
        const std::string_view others = call.has("feeds") ? call.json("feeds") : std::string_view();
        const auto feeds = all_feeds(model, array, call.text("input"), others);
        return as_array(model.run(feeds, output), call.host());
    }

    std::vector<std::uint8_t> run(lao::Bytes block, const lao::Call &call) const {
        const Model &model = chosen(call);
        const auto feeds = named_feeds(model, {reinterpret_cast<const char *>(block.data), block.size});
        return named_outputs(model, model.run(feeds));
    }

    lao::JsonObject models() const {
        lao::JsonArray all;
        for (const Model &model : models_) {
            all.add(model.describe());
        }
        return lao::JsonObject().set("models", all);
    }

  private:
    const Model &chosen(const lao::Call &call) const {
        const std::string_view name = call.text("model");
        std::string names;
        for (const Model &model : models_) {
            if (name.empty() || model.name() == name) {
                return model;
            }
            names += (names.empty() ? "" : ", ") + model.name();
        }
        throw lao::InvalidParameter("there is no model `" + std::string(name) + "`; there are " + names);
    }

    std::size_t max_tokens_;
    std::vector<Model> models_;
};

lao::Plugin<Ai> define() {
    const auto model = lao::text_param("model", "", "Name of a model; empty: the first");
    // Name and version come from plugin.toml, which is embedded in the library.
    return lao::Plugin<Ai>(LAO_PLUGIN_NAME, LAO_PLUGIN_VERSION, lao::Threads::full)
        .settings({lao::text_param("model_path", "", "An ONNX model to use instead of those of the package").as("path"),
                   lao::int_param("max_tokens", 512, "Tokens of a text that the model sees", 1, 1000000),
                   lao::text_param("provider", "auto", "What models run on; auto: CUDA, then the CPU",
                                   {"auto", "cuda", "cpu"}),
                   lao::int_param("threads", 1, "Threads of one run on the CPU", 1, 256),
                   lao::bool_param("warm_up", true, "Run each model once when it is loaded")})
        .capability("process", "Classifies a text: its label, and the score of each", &Ai::process, {model})
        .max_batch(32)
        .idempotent()
        .capability("predict", "Runs a model on an array", &Ai::predict,
                    {model, lao::text_param("input", "", "The input that the array is for; empty: the first"),
                     lao::text_param("output", "", "The output to answer with; empty: the first"),
                     lao::json_field("feeds", "Its other inputs by their names: numbers, or lists of them").optional()})
        .idempotent()
        .capability("run", "Runs a model on all its inputs, gives all its outputs: arrays in the format safetensors",
                    &Ai::run, {model})
        .idempotent()
        .capability("models", "The models: version, hash, inputs, outputs, and what they run on", &Ai::models)
        .idempotent();
}

} // namespace

LAO_PLUGIN(define())
