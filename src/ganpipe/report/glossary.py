"""What each metric measures, in one sentence for readers of the report; docs/metrics.md has the details."""

DEFINITIONS = {
    "fd_judge": "Fréchet distance between generated and real images in the features of the judge, a classifier "
    "trained on this dataset",
    "fid": "Fréchet inception distance: the same in the features of the standard Inception network",
    "kid": "kernel distance in the judge's features; unbiased, so it can fall slightly below 0",
    "kid_imagenet": "kernel distance in the features of a network trained on ImageNet, which knows neither the dataset "
    "nor its labels",
    "mind": "sliced Wasserstein distance in the judge's features, scaled so that it is usable with few samples",
    "mmd_rbf": "kernel distance in the judge's features with a Gaussian kernel; unbiased, so it can fall below 0",
    "fd_per_class": "mean over the classes of the Fréchet distance to the real images of the class",
    "vendi": "effective number of different images in the judge's features",
    "precision": "share of generated images that lie in the region of real images: low means unrealistic images",
    "density": "like precision, but robust to outliers among the real images",
    "recall": "share of real images that lie in the region of generated images: low means little variety",
    "coverage": "share of real images with a generated image in their neighbourhood",
    "sharpness": "variance of the Laplacian",
    "contrast": "standard deviation of the pixels of an image",
    "diversity": "mean pixel difference of two images: near 0 means that all images look the same",
    "ssim_diversity": "1 minus the mean structural similarity of two images",
    "class_coverage": "share of the classes with at least a tenth of their real share",
    "class_balance": "agreement of the class shares with those of real images: 1 is equal",
    "judge_confidence": "mean probability of the judge's predicted class; noise can reach high values too",
    "label_accuracy": "share of images that the judge assigns to the requested class",
    "transfer_accuracy": "accuracy on real images of a classifier trained only on generated images",
    "memorisation": "median distance to the nearest training image: far below 1 means copies",
    "near_duplicates": "share of samples nearer to a training image than held-out images; decides the status copied",
    "authenticity": "share of samples whose nearest training image has a nearer training neighbour: low means copies",
    "c_t": "z-score of the data-copying test: clearly below 0 means that samples lie too close to training images",
    "parameters": "trainable parameters of the generator",
    "multiply_adds": "multiply-add operations of the generator per image",
}
