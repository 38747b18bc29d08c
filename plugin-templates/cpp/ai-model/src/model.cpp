#include "model.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <tuple>

#include "sha256.hpp"
#include "tensors.hpp"

namespace {

lao::InvalidConfig refused(const std::filesystem::path &path, const std::string &reason) {
    return lao::InvalidConfig("the model " + path.u8string() + " cannot be loaded: " + reason);
}

std::string digest_of(const std::filesystem::path &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw refused(path, "the file is not there, or cannot be read");
    }
    Sha256 digest;
    std::vector<char> part(1 << 16);
    while (file.read(part.data(), static_cast<std::streamsize>(part.size())), file.gcount() > 0) {
        digest.add(part.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (file.bad()) {
        throw refused(path, "it cannot be read");
    }
    return digest.hex();
}

template <class CountOf, class NameOf, class TypeOf> std::vector<Slot> slots_of(const ort::Session *session) {
    const Runtime &runtime = Runtime::get();
    std::size_t count = 0;
    runtime.call<CountOf>(session, &count);
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < count; i++) {
        char *name = nullptr;
        runtime.call<NameOf>(session, i, runtime.allocator(), &name);
        Slot slot{runtime.take(name), 0, {}};
        const auto type = runtime.make<TypeOf, ort::ReleaseTypeInfo, ort::TypeInfo>(session, i);
        const ort::TensorInfo *tensor = nullptr; // belongs to `type`
        runtime.call<ort::CastTypeInfoToTensorInfo>(static_cast<const ort::TypeInfo *>(type.get()), &tensor);
        if (tensor == nullptr) {
            throw RuntimeError("`" + slot.name + "` is no tensor");
        }
        std::tie(slot.element, slot.shape) = element_and_shape(tensor);
        slots.push_back(std::move(slot));
    }
    return slots;
}

const Slot &find(const std::vector<Slot> &slots, std::string_view name, const char *what, const std::string &model) {
    std::string names;
    for (const Slot &slot : slots) {
        if (name.empty() || slot.name == name) {
            return slot;
        }
        names += (names.empty() ? "" : ", ") + slot.name;
    }
    throw lao::InvalidParameter("the model `" + model + "` has no " + what + " `" + std::string(name) + "`; it has " +
                                names);
}

lao::JsonArray described(const std::vector<Slot> &slots) {
    lao::JsonArray all;
    for (const Slot &slot : slots) {
        lao::JsonArray shape;
        for (const std::int64_t length : slot.shape) {
            shape.add(length);
        }
        all.add(lao::JsonObject().set("name", slot.name).set("type", element_name(slot.element)).set("shape", shape));
    }
    return all;
}

} // namespace

const char *element_name(int element) {
    static constexpr const char *names[] = {"undefined", "float32", "uint8", "int8",    "uint16",  "int16",  "int32",
                                            "int64",     "string",  "bool",  "float16", "float64", "uint32", "uint64"};
    return element >= 0 && element < static_cast<int>(sizeof names / sizeof *names) ? names[element] : "other";
}

Model::Model(std::string name, std::filesystem::path path, const std::vector<Provider> &providers, int threads)
    : name_(std::move(name)), path_(std::move(path)), sha256_(digest_of(path_)) {
    std::string reason = "there is no execution provider";
    for (const Provider provider : providers) {
        try {
            open(provider, threads);
            read_slots();
            read_metadata();
            provider_ = provider;
            return;
        } catch (const RuntimeError &error) {
            reason = error.what();
        }
    }
    throw refused(path_, reason);
}

void Model::open(Provider provider, int threads) {
    const Runtime &runtime = Runtime::get();
    const auto options = runtime.make<ort::CreateSessionOptions, ort::ReleaseSessionOptions, ort::SessionOptions>();
    constexpr int fatal_only = 4; // what goes wrong is returned, and said once
    runtime.call<ort::SetSessionLogSeverityLevel>(options.get(), fatal_only);
    runtime.call<ort::SetIntraOpNumThreads>(options.get(), threads);
    if (provider == Provider::cuda) {
        const auto cuda = runtime.make<ort::CreateCudaOptions, ort::ReleaseCudaOptions, ort::CudaOptions>();
        runtime.call<ort::AppendCuda>(options.get(), cuda.get());
    }
    session_ = runtime.make<ort::CreateSession, ort::ReleaseSession, ort::Session>(runtime.env(), path_.c_str(),
                                                                                   options.get());
}

void Model::read_slots() {
    const ort::Session *session = session_.get();
    inputs_ = slots_of<ort::SessionGetInputCount, ort::SessionGetInputName, ort::SessionGetInputTypeInfo>(session);
    outputs_ = slots_of<ort::SessionGetOutputCount, ort::SessionGetOutputName, ort::SessionGetOutputTypeInfo>(session);
}

void Model::read_metadata() {
    const Runtime &runtime = Runtime::get();
    const auto metadata =
        runtime.make<ort::SessionGetModelMetadata, ort::ReleaseMetadata, ort::Metadata>(session_.get());
    runtime.call<ort::MetadataGetVersion>(metadata.get(), &version_);
    char *found = nullptr;
    runtime.call<ort::MetadataLookup>(metadata.get(), runtime.allocator(), "labels", &found);
    std::istringstream list(runtime.take(found));
    labels_.clear();
    for (std::string label; std::getline(list, label, ',');) {
        if (!label.empty()) {
            labels_.push_back(label);
        }
    }
}

const Slot &Model::input(std::string_view name) const { return find(inputs_, name, "input", name_); }
const Slot &Model::output(std::string_view name) const { return find(outputs_, name, "output", name_); }

OrtValue Model::run(const std::vector<Feed> &feeds, const Slot &output) const {
    return std::move(run(feeds, std::vector<const char *>{output.name.c_str()}).front());
}

std::vector<OrtValue> Model::run(const std::vector<Feed> &feeds) const {
    std::vector<const char *> all;
    for (const Slot &output : outputs_) {
        all.push_back(output.name.c_str());
    }
    return run(feeds, all);
}

std::vector<OrtValue> Model::run(const std::vector<Feed> &feeds, const std::vector<const char *> &outputs) const {
    const Runtime &runtime = Runtime::get();
    require_all(feeds);
    std::vector<const char *> names;
    std::vector<const ort::Value *> values;
    for (const Feed &feed : feeds) {
        names.push_back(feed.slot->name.c_str());
        values.push_back(feed.value.get());
    }
    std::vector<ort::Value *> found(outputs.size());
    try {
        runtime.call<ort::Run>(session_.get(), nullptr, names.data(), values.data(), values.size(), outputs.data(),
                               outputs.size(), found.data());
    } catch (const RuntimeError &error) {
        throw lao::InvalidInput("the model `" + name_ + "` does not take this: " + error.what());
    }
    std::vector<OrtValue> owned;
    owned.reserve(found.size());
    for (ort::Value *value : found) {
        owned.emplace_back(value, runtime.function<ort::ReleaseValue>());
    }
    return owned;
}

void Model::require_all(const std::vector<Feed> &feeds) const {
    std::string missing;
    for (const Slot &slot : inputs_) {
        if (std::none_of(feeds.begin(), feeds.end(), [&](const Feed &feed) { return feed.slot == &slot; })) {
            missing += (missing.empty() ? "" : ", ") + slot.name;
        }
    }
    if (!missing.empty()) {
        throw lao::InvalidInput("the model `" + name_ + "` also takes " + missing);
    }
}

void Model::warm_up() const {
    try {
        std::vector<Feed> feeds;
        for (const Slot &slot : inputs_) {
            feeds.push_back(zeros(slot));
        }
        run(feeds, output(""));
    } catch (const lao::Error &) { // it will be warm after the first call
    } catch (const RuntimeError &) {
    }
}

lao::JsonObject Model::describe() const {
    return lao::JsonObject()
        .set("name", name_)
        .set("version", version_)
        .set("sha256", sha256_)
        .set("path", path_.u8string())
        .set("provider", provider_name(provider_))
        .set("inputs", described(inputs_))
        .set("outputs", described(outputs_));
}
